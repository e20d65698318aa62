"""The available models, compatible with OpenAI's list."""

from typing import Annotated

from fastapi import Path, Request

from api.deps import AnyOwner
from api.openapi import problems
from api.routing import Router
from api.served_models import ServedModel, ServedModels
from api.speech_bodies import ModelBody, ModelList

ModelName = Annotated[str, Path(min_length=1, max_length=128)]

router = Router(prefix="/v1/models", tags=["speech"], responses=problems(400, 401))


@router.get("", summary="List models")
async def list_models(request: Request, owner: AnyOwner) -> ModelList:
    """List the names accepted as `model`: `rhapsode`, and the name of the workers' model."""
    del owner  # the models are the same for every owner
    models: ServedModels = request.app.state.models
    return ModelList(data=[_body(model) for model in await models.all()])


@router.get("/{model}", responses=problems(404), summary="Read a model")
async def get_model(model: ModelName, request: Request, owner: AnyOwner) -> ModelBody:
    """Read one model by its name."""
    del owner
    models: ServedModels = request.app.state.models
    return _body(await models.get(model))


def _body(model: ServedModel) -> ModelBody:
    return ModelBody(id=model.name, created=int(model.since.timestamp()))
