"""The map's REST API: places on the coast, and the animals that were seen there.

GET  /places              all places; ?search=TEXT and ?kind=KIND choose among them
POST /places              adds one
GET  /places/ID           one of them
PUT  /places/ID           edits it; what is not named stays as it is
GET, POST, PUT /sightings the same for sightings; ?place=ID and ?species=TEXT choose among them
GET  /healthz             200 when the database answers, else 503
"""

import logging
import os

from flask import Flask, jsonify, request
from werkzeug.exceptions import HTTPException

import store

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 16 * 1024
app.json.ensure_ascii = False
log = logging.getLogger("map")


@app.get("/<any(places, sightings):kind>")
def list_all(kind):
    return jsonify(store.find(kind, request.args))


@app.get("/<any(places, sightings):kind>/<int:number>")
def get_one(kind, number):
    return jsonify(store.get(kind, number))


@app.post("/<any(places, sightings):kind>")
def add(kind):
    added = store.add(kind, body())
    return jsonify(added), 201, {"Location": f"/{kind}/{added['id']}"}


@app.put("/<any(places, sightings):kind>/<int:number>")
def edit(kind, number):
    return jsonify(store.edit(kind, number, body()))


@app.get("/healthz")
def healthz():
    store.find("places", {"search": ""})
    return jsonify(status="ok")


def body():
    """What a request sends: a JSON object, or an error for its sender."""
    sent = request.get_json(silent=True)
    if not isinstance(sent, dict):
        raise store.Refused("send a JSON object, with the header Content-Type: application/json")
    return sent


@app.errorhandler(store.Refused)
def refused(problem):
    return jsonify(error=str(problem)), 400


@app.errorhandler(store.Missing)
def missing(problem):
    return jsonify(error=str(problem)), 404


@app.errorhandler(store.Unavailable)
def unavailable(problem):
    log.error("the database failed: %s", problem)
    return jsonify(error="the database does not answer, try again in a moment"), 503


@app.errorhandler(HTTPException)
def failed(problem):
    return jsonify(error=problem.description), problem.code


@app.after_request
def allow_pages(response):
    """Lets pages of other origins, named in ALLOWED_ORIGINS with blanks between, use the API with fetch()."""
    origin = request.headers.get("Origin", "")
    if origin and origin in os.environ.get("ALLOWED_ORIGINS", "").split():
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, PUT"
        response.headers["Access-Control-Allow-Headers"] = "Content-Type"
    response.vary.add("Origin")
    response.headers["Cache-Control"] = "no-store"
    return response
