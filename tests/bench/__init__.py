"""`make bench`: what a turn costs, side by side with its floors, in one run."""
