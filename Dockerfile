# The page and the HTTP API on a CPU.
#   docker build --tag inpaint .
#   docker run -p 127.0.0.1:7860:7860 inpaint
#   docker run -p 127.0.0.1:8000:8000 inpaint serve --host 0.0.0.0
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build

WORKDIR /source
RUN pip install --no-cache-dir "build>=1.2"
COPY pyproject.toml setup.py MANIFEST.in README.md LICENSE CHANGELOG.md CITATION.cff ./
COPY weights ./weights
COPY examples ./examples
COPY inpaint ./inpaint
RUN python -m build --wheel

FROM ${PYTHON_IMAGE}

ENV PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1

# First what changes rarely. The CPU build of torch is a tenth of the usual one.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN useradd --create-home --uid 1000 inpaint \
    && pip install --index-url "$TORCH_INDEX" "torch>=2.6"
COPY --from=build /source/dist/*.whl /tmp/
RUN pip install "$(ls /tmp/*.whl)[app,serve]" && rm /tmp/*.whl

USER 1000
WORKDIR /home/inpaint
# Compiles the search for texture once, for the first request of a container not to wait for it.
RUN python -c "from inpaint.utils.shipped import shipped_folder as f; print(f('examples'))" \
    | xargs -I {} inpaint fill {}/cat.jpg --mask {}/masks/cat.png -o /tmp/cat.jpg \
    && rm /tmp/cat.jpg

EXPOSE 7860 8000
# Of the page or, where there is none, of the API.
HEALTHCHECK --start-period=60s --timeout=10s \
    CMD python -c "import urllib.request as r; r.urlopen('http://127.0.0.1:7860', timeout=4)" \
    || python -c "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=4)"
# Inside of the container all addresses; what docker run publishes decides who gets in.
ENTRYPOINT ["inpaint"]
CMD ["app", "--host", "0.0.0.0"]
