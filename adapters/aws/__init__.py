"""Access in Amazon Web Services: four adapters and what they share.

`_link` is the way to AWS, `_errors` reads its refusals, `_documents` writes IAM policies as data.
"""
