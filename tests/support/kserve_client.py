"""Asks a running service through KServe's SDK; its pins clash with ours, so it runs elsewhere.

python kserve_client.py URL MODEL <images.json prints what each call answered, in JSON.
"""

import asyncio
import json
import sys
from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput


async def version_1(url: str, name: str, images: np.ndarray) -> dict[str, Any]:
    instances = {"instances": images.tolist()}
    async with InferenceRESTClient(RESTConfig(protocol="v1")) as client:
        return {
            "ready": await client.is_model_ready(url, name),
            "predict": await client.infer(url, instances, name),
            "explain": await client.explain(url, name, instances),
        }


async def version_2(url: str, name: str, images: np.ndarray) -> dict[str, Any]:
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:

        async def infer(sent: bool, wanted: bool, model: str = name) -> Any:
            given = InferInput("images", list(images.shape), "FP32")
            given.set_data_from_numpy(images, binary_data=sent)
            outputs = [RequestedOutput("probabilities", parameters={"binary_data": wanted})]
            request = InferRequest(model, [given], "seven", request_outputs=outputs)
            headers: dict[str, str] = {}
            answer = await client.infer(url, request, model, response_headers=headers)
            return {
                "id": answer.id,
                "version": headers["x-model-version"],  # the body's is lost in KServe's client
                "answer": answer.outputs[0].as_numpy().tolist(),
            }

        try:
            refusal = str(await infer(True, True, "no-such-model"))
        except httpx.HTTPStatusError as error:
            refusal = str(error)
        return {
            "live": await client.is_server_live(url),
            "ready": [await client.is_server_ready(url), await client.is_model_ready(url, name)],
            "infer": [await infer(*how) for how in ((0, 0), (0, 1), (1, 0), (1, 1))],
            "refusal": refusal,
        }


async def main(url: str, name: str) -> None:
    images = np.array(json.load(sys.stdin), np.float32)
    answers = [await ask(url, name, images) for ask in (version_1, version_2)]
    print(json.dumps(dict(zip(("v1", "v2"), answers, strict=True))))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
