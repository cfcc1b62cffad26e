"""The rules, without I/O: what a grant is, what may happen to it, who decides."""
