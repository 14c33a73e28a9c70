"""The formats of a report, one module each; `auditor.report.format` lists their names."""
