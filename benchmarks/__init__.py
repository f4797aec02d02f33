"""Speed, as ratios against installed peers."""
