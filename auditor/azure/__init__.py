"""What is known of Azure itself, whatever estate is judged."""
