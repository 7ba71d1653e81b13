"""`PUT /v1/verify`: one file, its report, and nothing kept."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from trustkit.errors import TrustkitError, UnreadableError
from trustkit.isolation import StartError
from trustkit.reports import Run, exit_code, word
from trustkit.reports.schema import ReportDocument, document
from trustkit.service.access import needs
from trustkit.service.discretion import told
from trustkit.service.house import House
from trustkit.service.keys import Role
from trustkit.service.pool import EndingError
from trustkit.service.upload import asked, uploaded
from trustkit.service.work import NAME, Verify
from trustkit.verify import Report, unread

router = APIRouter(tags=["verify"])
_BINARY = {"schema": {"type": "string", "format": "binary"}}
BODY: dict[str, Any] = {"requestBody": {"required": True, "content": {"*/*": _BINARY}}}


@router.put(
    "/v1/verify",
    summary="Say what is known of a file, by the policy of this service",
    response_model=ReportDocument,
    openapi_extra=BODY,
    dependencies=[Depends(needs(Role.READ))],
)
async def verify(
    request: Request,
    name: Annotated[
        str, Query(max_length=255, description="What the report calls the file; not logged.")
    ] = NAME,
) -> Response:
    """Take the file as the body. A file that cannot be read is answered too: verdict `error`."""
    house: House = request.app.state.house
    started, start = datetime.now(UTC), time.perf_counter()
    async with uploaded(request, house) as path:
        try:
            report: Report = await asked(request, house, Verify(path, name or NAME))
        except (StartError, EndingError):
            raise  # no file is to blame
        except TrustkitError as error:
            report = unread(name or NAME, _of_the_file(error))
    report = told(report)
    house.metrics.verdicts.labels(word(report).value).inc()
    run = Run(
        files=[report],
        policy_name=house.policy.name,
        policy_sha256=house.policy.sha256,
        trust_lists=house.lists,
        tool=house.tool,
        id=str(uuid.uuid4()),
        started=started.isoformat(timespec="seconds"),
        duration_ms=round((time.perf_counter() - start) * 1000, 1),
        exit_code=exit_code([report]),
    )
    return Response(document(run).model_dump_json(), media_type="application/json")


def _of_the_file(error: TrustkitError) -> TrustkitError:
    # Which limits there are is the house's to know, not the client's to change.
    if isinstance(error, UnreadableError):
        return UnreadableError(error.message, "the service sets the limits")
    return error
