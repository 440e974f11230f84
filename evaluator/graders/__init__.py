"""Step 3 of 6. Graders: (question, rubric, answer) in, one verdict for each criterion out."""
