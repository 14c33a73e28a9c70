"""What is made at its first use, so that a start pays for what it uses: modules, and the methods of dataclasses."""
