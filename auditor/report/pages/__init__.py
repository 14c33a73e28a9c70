"""Pages of text, and the same as JSON, on what is not a report: rules, baselines, controls, facts, snapshots, resources."""
