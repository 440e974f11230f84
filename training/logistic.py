"""Small fits on few features, in numpy: softmax regression and ridge, on standardised features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def fit_softmax(x: Numbers, y: Numbers, weights: Numbers | None = None, ridge: float = 1.0) -> Numbers:
    """x (rows, features), y (rows, classes) summing to 1: coefficients (features + 1, classes) for raw features, bias last."""
    mean, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
    z = np.c_[(x - mean) / scale, np.ones(len(x))]
    w = np.ones(len(x)) if weights is None else weights * len(x) / weights.sum()
    classes, size = y.shape[1], z.shape[1]
    penalty = ridge * np.diag(np.r_[np.ones(size - 1), 1e-3])
    b = np.zeros((size, classes))
    for _ in range(40):
        p = softmax(z @ b)
        gradient = z.T @ (w[:, None] * (p - y)) + penalty @ b
        hessian = np.zeros((size * classes, size * classes))
        for i in range(classes):
            for j in range(classes):
                d = w * p[:, i] * ((i == j) - p[:, j])
                block = (z * d[:, None]).T @ z + (penalty if i == j else 0)
                hessian[i * size : (i + 1) * size, j * size : (j + 1) * size] = block
        step = np.linalg.solve(hessian, gradient.T.ravel()).reshape(classes, size).T
        b -= step
        if np.abs(step).max() < 1e-6:
            break
    raw = b[:-1] / scale[:, None]
    return np.vstack([raw, b[-1] - mean @ raw])


def fit_ridge(x: Numbers, y: Numbers, ridge: float = 10.0) -> Numbers:
    """Coefficients for raw features, bias last."""
    mean, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
    z = (x - mean) / scale
    raw = np.linalg.solve(z.T @ z + ridge * np.eye(z.shape[1]), z.T @ (y - y.mean())) / scale
    return np.r_[raw, y.mean() - mean @ raw]


def apply(x: Numbers, coefficients: Numbers) -> Numbers:
    return x @ coefficients[:-1] + coefficients[-1]


def softmax(z: Numbers) -> Numbers:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
