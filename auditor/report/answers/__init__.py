"""Write down answers to questions: `sheet` is what every answer is and how it is written, the others lay theirs out."""
