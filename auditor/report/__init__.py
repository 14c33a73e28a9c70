"""Write down what was judged or asked: reports in several formats, explanations, answers, pages on rules and snapshots."""
