import numpy as np
import pytest

from evaluator.embedding import EndpointEmbedder, short_name
from evaluator.errors import EmbedderFailed
from evaluator.minilm import MiniLM, find_model
from tests.loopback import Loopback

# Cosines of sentence-transformers 5 with the same weights, as the model card's own example gives them to four digits.
SENTENCES = ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"]


def test_vectors_are_unit_and_paraphrases_lie_nearer_than_strangers(model):
    vectors = model.embed(SENTENCES)
    assert vectors.shape == (4, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosines = vectors @ vectors[0]
    assert cosines[2] > 0.9 > cosines[1] > cosines[3]


def test_a_text_has_the_same_vector_alone_and_in_a_batch(model):
    texts = [*SENTENCES, "word " * 400, "x", ""]
    together = MiniLM().embed(texts)
    alone = np.stack([model.embed([text])[0] for text in texts])
    assert np.allclose(together, alone, atol=1e-5)
    assert model.embed([]).shape == (0, 384)


def test_a_remembered_text_is_the_same_and_memory_is_bounded(monkeypatch):
    monkeypatch.setattr("evaluator.minilm._REMEMBERED", 3)
    model = MiniLM()
    first = model.embed(SENTENCES)
    assert len(model._recent) == 3 and SENTENCES[0] not in model._recent
    assert np.allclose(model.embed(SENTENCES[::-1])[::-1], first, atol=1e-6)
    assert len(model.embed(["x", "x"])) == 2


def test_agrees_with_the_attention_of_a_plain_loop(model):
    """The batched forward against one that takes each head and each token in turn."""
    weights = model._weights()
    ids = np.asarray(weights.tokenizer.encode("skip connections help").ids)
    get = weights._tensors
    x = weights.forward([ids])[0]
    y = get["embeddings.word_embeddings.weight"][ids] + get["embeddings.position_embeddings.weight"][: len(ids)]
    y = weights._norm(y + get["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for layer in (f"encoder.layer.{n}" for n in range(6)):
        q, k, v = (weights._linear(y, f"{layer}.attention.self.{name}") for name in ("query", "key", "value"))
        rows = []
        for i in range(len(ids)):
            heads = []
            for h in (slice(32 * n, 32 * n + 32) for n in range(12)):
                scores = np.array([q[i, h] @ k[j, h] / np.sqrt(32) for j in range(len(ids))])
                share = np.exp(scores) / np.exp(scores).sum()
                heads.append(sum(share[j] * v[j, h] for j in range(len(ids))))
            rows.append(np.concatenate(heads))
        y = weights._norm(
            y + weights._linear(np.stack(rows), f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm"
        )
        inner = weights._linear(y, f"{layer}.intermediate.dense").astype(np.float64)
        from math import erf, sqrt

        gelu = inner * 0.5 * (1 + np.vectorize(erf)(inner / sqrt(2)))
        y = weights._norm(y + weights._linear(gelu.astype(np.float32), f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    assert np.allclose(x, y, atol=1e-4)


def test_weights_that_are_not_the_published_ones_are_refused(tmp_path):
    for name in ("tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_bytes((find_model() / name).read_bytes())
    data = bytearray((tmp_path / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(data)
    with pytest.raises(EmbedderFailed, match="hash differs"):
        MiniLM(tmp_path).embed(["x"])
    with pytest.raises(EmbedderFailed, match="cannot be read"):
        MiniLM(tmp_path / "none").embed(["x"])


def test_an_embeddings_endpoint_gives_unit_vectors_in_order(loopback: Loopback):
    embedder = EndpointEmbedder(loopback.url, "some-model", "key")
    vectors = embedder.embed(["aaa", "zzz"] * 100)
    assert vectors.shape == (200, 26)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0].argmax() == 0 and vectors[199].argmax() == 25
    assert short_name(embedder) != short_name(MiniLM())


def test_an_endpoint_out_of_reach_is_one_clear_line():
    with pytest.raises(EmbedderFailed, match=r"cannot be reached.*EVALUATOR_EMBEDDINGS_URL"):
        EndpointEmbedder("http://127.0.0.1:9/v1", "m").embed(["x"])
