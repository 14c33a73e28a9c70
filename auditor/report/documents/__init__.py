"""The JSON of a report.

In reading order: `json_document` and `report_document` are its shapes, versions 1 and 2, from which its schemas are
published, `coverage_document` that of its coverage; `document_parts` makes them of a report, `finding_texts` writes a
finding out of pieces that many share, and `finding_list` all of them, one after the other.
"""
