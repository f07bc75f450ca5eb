"""What others may rely on, written from the types that do the work: schemas, an AsyncAPI document, pages for people.

`python -m firmware.reference docs` writes it all; a test keeps the files equal to the code.
"""
