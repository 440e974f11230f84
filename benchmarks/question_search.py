"""How well a free text finds its question, and where the line between "this question" and "none of them" lies.

Run: python benchmarks/question_search.py
Prints, for texts that mean a question of the bank and for texts that mean none, the cosine to the nearest question.
"""

from __future__ import annotations

import numpy as np

from evaluator.minilm import MiniLM
from evaluator.questions import load_questions
from evaluator.retrieval import CLOSE_ENOUGH
from evaluator.settings import read_settings

MEANT = [
    (2, "What are vanishing and exploding gradients and how do you fix them?"), (2, "Explain the vanishing gradient problem"),
    (1, "How do you diagnose overfitting and underfitting?"), (23, "What is dropout?"), (23, "explain dropout regularization"),
    (10, "Why do ResNets use skip connections?"), (10, "purpose of residual connections"), (39, "What is a confusion matrix?"),
    (3, "Why does batch norm help?"), (4, "difference between L1 and L2 regularization"), (7, "Compare Adam and momentum"),
    (12, "What are capsule networks?"), (19, "Explain VAEs versus autoencoders"), (21, "How does WaveNet work?"),
    (26, "SGD vs mini-batch vs full batch gradient descent"), (29, "How does attention work?"),
    (37, "What is learning rate decay and why use it?"), (41, "What is Bayesian optimisation for hyperparameters?"),
    (45, "How is real time object detection done?"), (50, "deep learning for cyber security"), (24, "Explain backpropagation"),
    (25, "Why does weight initialization matter?"), (34, "what is knowledge distillation"),
    (47, "Ethics of deep learning in medical imaging"), (5, "when should I use transfer learning"),
]  # fmt: skip
NOT_MEANT = [
    "What is positional encoding in transformers?", "Explain k-means clustering", "What is quantization of neural networks?",
    "How do you deploy a model in production?", "Explain reinforcement learning from human feedback",
    "What is the curse of dimensionality?", "Explain mixture of experts", "How do diffusion models work?",
    "What is gradient checkpointing?", "Describe LoRA fine-tuning", "What is label smoothing?",
    "How does a support vector machine work?", "What is teacher forcing?", "Explain beam search",
    "What is the difference between precision and recall?", "How do you handle class imbalance?", "What is federated learning?",
    "Explain gradient clipping", "What is layer normalization?", "How does the transformer differ from RNNs?",
]  # fmt: skip


def main() -> None:
    bank = list(load_questions(read_settings().questions_file))
    model = MiniLM()
    vectors = model.embed([question.text for question in bank])

    def nearest(text: str) -> tuple[int, float]:
        cosines = vectors @ model.embed([text])[0]
        return bank[int(cosines.argmax())].no, float(cosines.max())

    found = [(no, *nearest(text)) for no, text in MEANT]
    strangers = [nearest(text)[1] for text in NOT_MEANT]
    right = sum(no == best for no, best, _ in found)
    close = [cosine for *_, cosine in found]
    print(f"texts that mean a question: {right} of {len(found)} find it first; cosine {min(close):.2f} to {max(close):.2f}")
    print(f"texts that mean none: cosine to the nearest question {min(strangers):.2f} to {max(strangers):.2f}")
    taken, mistaken = sum(np.array(close) >= CLOSE_ENOUGH), sum(np.array(strangers) >= CLOSE_ENOUGH)
    print(
        f"at {CLOSE_ENOUGH:.2f}: {taken} of {len(found)} are taken, {mistaken} of {len(strangers)} strangers are mistaken for one"
    )


if __name__ == "__main__":
    main()
