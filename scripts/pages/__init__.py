"""The reference, made from the code: a module for each page, and nothing in them that the code could say itself."""
