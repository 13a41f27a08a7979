"""What carpscope is made of: licences, known vulnerabilities, and wheels that come out alike."""
