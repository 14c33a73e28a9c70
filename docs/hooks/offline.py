"""Refuse a site that loads anything from another host: it is to be read where there is no Internet, and unobserved."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError

_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
_NO_LOAD = {"canonical", "next", "prev", "alternate"}


def on_post_build(config: MkDocsConfig) -> None:
    """Look through all pages for what a browser would fetch from elsewhere."""
    site = Path(config.site_dir)
    found = [
        f"{path.relative_to(site)} loads {url}"
        for path in sorted(site.rglob("*.html"))
        for url in _Loads.of(path.read_text(encoding="utf-8"))
    ]
    if found:
        raise PluginError("\n".join(found))


class _Loads(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    @classmethod
    def of(cls, html: str) -> list[str]:
        """Return the addresses outside the site that a page loads."""
        parser = cls()
        parser.feed(html)
        return parser.urls

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        url = own.get(_LOADED.get(tag, "")) or ""
        if url.startswith(("http:", "https:", "//")) and own.get("rel") not in _NO_LOAD:
            self.urls.append(url)
