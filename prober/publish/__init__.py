"""TELL WHOEVER NEEDS TO KNOW. Touches the world; decides nothing."""
