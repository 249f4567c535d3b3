"""What a program on Anthropic's SDK for Python does, with its base URL and key given; prints what came of it as one JSON object.

The spec that starts it says what the model answers, in this order, and judges.
"""

import json
import os

import anthropic
from anthropic import Anthropic, beta_tool

MODEL = "claude-test-5"
ASKING = {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": "What is the weather?"}]}

places = []


@beta_tool
def look(place: str) -> str:
    """Looks out of the window.

    Args:
        place: Of the window.
    """
    places.append(place)
    return "sun"


def failure_of(call):
    try:
        call()
    except anthropic.APIStatusError as error:
        return {"class": type(error).__name__, "status": error.status_code, "text": error.body["error"]["message"]}
    return None


def main():
    url, key = os.environ["BASE_URL"], os.environ["KEY"]
    client = Anthropic(base_url=url, api_key=key)
    plain = client.messages.create(**ASKING)
    with client.messages.stream(**ASKING) as stream:
        pieces = list(stream.text_stream)
        streamed = stream.get_final_message()
    runner = client.beta.messages.tool_runner(**{**ASKING, "model": "weather"}, tools=[look])
    last = runner.until_done()
    stranger = Anthropic(base_url=url, auth_token=os.environ["STRANGE_KEY"])
    told = {
        "plain": plain.content[0].text,
        "usage": [plain.usage.input_tokens, plain.usage.output_tokens],
        "pieces": pieces,
        "streamedUsage": [streamed.usage.input_tokens, streamed.usage.output_tokens],
        "places": places,
        "last": last.content[0].text,
        "tokens": client.messages.count_tokens(model=MODEL, messages=ASKING["messages"]).input_tokens,
        "models": [model.id for model in client.models.list()],
        "unknownModel": failure_of(lambda: client.messages.create(**{**ASKING, "model": "claude-hidden"})),
        "unknownKey": failure_of(lambda: stranger.messages.create(**ASKING)),
        "version": anthropic.__version__,
    }
    print(json.dumps(told))


main()
