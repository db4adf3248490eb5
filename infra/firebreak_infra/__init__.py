"""Renders, resolves, checks and deploys the templates of infra/."""
