"""The engine: what people do, what the clock makes due, and the one writer of both."""
