"""Writes botocore's signatures into botocore_signatures.json.

The tests in signatures.rs send the requests in that file. This program fills in
the headers that signing adds. Run it again after a request changes:

    python3 -m venv target/botocore
    target/botocore/bin/pip install botocore==1.44.5
    target/botocore/bin/python src/dynamodb/parity/botocore_signatures.py
"""

import datetime
import json
import pathlib

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

FIXTURE = pathlib.Path(__file__).with_suffix(".json")

# The start time of the clock in `test_support`.
START = datetime.datetime(2023, 11, 14, 22, 13, 20, tzinfo=datetime.timezone.utc)

# The credentials of the examples in AWS's documentation, the same as in `call.rs`.
ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

botocore.auth.get_current_datetime = lambda *args, **kwargs: START


def sign(case):
    body = case["body"].encode()
    headers = {
        "content-type": case["content-type"],
        "content-length": str(len(body)),
        "x-amz-target": case["x-amz-target"],
        "user-agent": "not signed",
    }
    request = AWSRequest("POST", case["url"], data=body, headers=headers)
    credentials = Credentials(ACCESS_KEY, SECRET_KEY, case["session_token"])
    botocore.auth.SigV4Auth(credentials, "dynamodb", case["region"]).add_auth(request)
    case["x-amz-date"] = request.headers["X-Amz-Date"]
    case["authorization"] = request.headers["Authorization"]


cases = json.loads(FIXTURE.read_text())
for case in cases:
    sign(case)
FIXTURE.write_text(json.dumps(cases, indent=2, ensure_ascii=False) + "\n")
