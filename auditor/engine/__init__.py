"""The judging: rules in force against subjects, in three values, filed as findings."""
