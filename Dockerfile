# The page on a CPU: docker build --tag inpaint-app . && docker run -p 127.0.0.1:7860:7860 inpaint-app
FROM python:3.12-slim-bookworm

# OpenCV needs the two libraries; of Debian's stable release any version will do.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 inpaint

ENV PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1

WORKDIR /app

# First what changes rarely. The CPU build of torch is a tenth of the usual one.
RUN pip install --index-url https://download.pytorch.org/whl/cpu "torch>=2.6" "torchvision>=0.21"
COPY pyproject.toml README.md LICENSE ./
COPY inpaint ./inpaint
RUN pip install --editable .
COPY app.py ./
COPY weights ./weights
COPY examples ./examples

USER 1000
EXPOSE 7860
HEALTHCHECK --start-period=60s --timeout=5s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:7860', timeout=4)"]
# Inside of the container all addresses; what docker run publishes decides who gets in.
ENTRYPOINT ["python", "app.py", "--host", "0.0.0.0"]
