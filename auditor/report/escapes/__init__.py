"""The ways in which text reaches a stream: every format names one, and writes through nothing else.

Whatever a report tells may have been written by a stranger: names, tags, reasons of Azure, values of properties. So a plain
`str` is a stranger's, and here it is made harmless in the grammar of what reads the stream: a terminal, a log, a spreadsheet,
Markdown, XML, JSON, an agent of a pipeline. Where a format mixes text with markup of its own, the markup has a type that only
an escape gives (`Gfm`), so that text that has not passed one does not type-check.
"""
