"""Write down what was judged or asked: reports in several formats, answers, comparisons, pages.

In reading order:

1. Formats. `format` says what one is and which there are; each is a module of `formats`, and none knows another.
   `documents` is the JSON that several of them write, `html_page` the page, `data_set` Parquet.
2. What a report says. `selection` chooses and orders findings, `group_by` and `grouping` put them together,
   `finding_causes` and `causes` name what would mend them, `summary` and `outcome` say it in a sentence, `areas` counts.
   `per_rule` makes once what findings of a rule share.
3. Texts. `text` makes any value harmless, `escapes` are the ways of each notation, `pipeline_log` those of a log;
   `comparison`, `requirement` and `explanation` say a condition, `packet_path` draws a way, `portal` leads to Azure's own
   pages; `layout` and `terminal_layout` fit all of it into a terminal.
4. Beside reports. `answers` are those to questions, `drift` what changed between two states, `pages` what is shown of rules
   and other things by themselves.
"""
