"""Say what an audit rests on: what rules need and read, what became of what was collected, what would settle a gap."""
