"""The methods of the Web API, by family. Importing a family registers its methods."""
