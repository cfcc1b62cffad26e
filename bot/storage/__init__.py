"""Keeping: the two databases, the tables and all the SQL of the program."""
