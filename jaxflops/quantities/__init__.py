"""The definitions of every reported quantity, as data; one room of the program a file."""
