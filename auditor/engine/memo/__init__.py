"""Remember what a rule said of subjects that are alike in all that it reads, and write findings by templates."""
