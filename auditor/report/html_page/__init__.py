"""The page that the format `html` writes: `states` of what is shown, `drawing`, `parts`, `findings`; `page.css`, `page.js`."""
