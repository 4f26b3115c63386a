"""FIND OUT WHAT HOLDS. Touches the world; decides nothing."""
