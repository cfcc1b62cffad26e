"""Where text comes in: the environment and the policy file, checked whole before anything runs."""
