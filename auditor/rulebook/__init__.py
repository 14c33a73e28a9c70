"""What an estate is judged by: rules, baselines, exemptions, and what of them is in force."""
