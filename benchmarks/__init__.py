"""What the project costs to run, as ratios measured in one run."""
