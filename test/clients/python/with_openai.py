"""What a program on OpenAI's SDK for Python does, with its base URL and key given; prints what came of it as one JSON object.

The spec that starts it says what the model answers, in this order, and judges.
"""

import json
import os

import openai
from openai import OpenAI

MODEL = "gpt-test-5"
QUESTION = "What is the weather?"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": QUESTION}]}
LOOK = {"type": "object", "properties": {"place": {"type": "string"}}}


def failure_of(call):
    try:
        call()
    except openai.APIStatusError as error:
        return {"class": type(error).__name__, "status": error.status_code, "code": error.code}
    return None


def main():
    url, key = os.environ["BASE_URL"], os.environ["KEY"]
    client = OpenAI(base_url=url, api_key=key)
    plain = client.chat.completions.create(**CHAT)
    chunks = list(client.chat.completions.create(**CHAT, stream=True))
    calling = client.chat.completions.create(
        **{**CHAT, "model": "weather"}, tools=[{"type": "function", "function": {"name": "look", "parameters": LOOK}}]
    )
    response = client.responses.create(model=MODEL, input=QUESTION)
    with client.responses.stream(model=MODEL, input=QUESTION) as stream:
        streamed = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
    embeddings = client.embeddings.create(model=MODEL, input=["One", "Two"], dimensions=8)
    stranger = OpenAI(base_url=url, api_key=os.environ["STRANGE_KEY"])
    call = calling.choices[0].message.tool_calls[0]
    told = {
        "plain": plain.choices[0].message.content,
        "usage": [plain.usage.prompt_tokens, plain.usage.completion_tokens],
        "pieces": [choice.delta.content or "" for chunk in chunks for choice in chunk.choices],
        "usageInStream": [chunk.usage is not None for chunk in chunks].count(True),
        "call": [call.id, call.function.name, call.function.arguments],
        "response": response.output_text,
        "streamed": streamed,
        "embeddings": [len(each.embedding) for each in embeddings.data],
        "models": [model.id for model in client.models.list()],
        "unknownModel": failure_of(lambda: client.responses.create(model="gpt-hidden", input=QUESTION)),
        "unknownKey": failure_of(lambda: stranger.responses.create(model=MODEL, input=QUESTION)),
        "version": openai.__version__,
    }
    print(json.dumps(told))


main()
