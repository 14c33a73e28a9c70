"""What is known of Azure, and how to read what it sends."""
