"""Switches off what our dependencies would send home, and their idle threads. Imported before anything else of this package.

onnxruntime looks up a telemetry host when imported; LangChain uploads whole prompts, answers and all, when a LANGSMITH
variable is left over from another project.
"""

import os

OFF = {
    "ORT_DISABLE_TELEMETRY": "1",
    "ANONYMIZED_TELEMETRY": "False",
    "LANGSMITH_TRACING": "false",
    "LANGSMITH_TRACING_V2": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGCHAIN_TRACING": "false",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}

os.environ.update(OFF)

# Our matrices are small: a second thread doubles the CPU time and saves a fifth of the wall time at best.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
