"""Everything that people give us to judge: our own snapshots and foreign exports, told apart by content."""
