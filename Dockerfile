# docker build -t cgdenoise .
# docker run --rm -v "$PWD:/data" --user "$(id -u):$(id -g)" cgdenoise denoise x.png
#
# For NVIDIA GPUs: docker build --build-arg BACKEND=cu126 -t cgdenoise . and docker run --gpus all ...
ARG PYTHON=3.12

FROM python:${PYTHON}-slim-bookworm AS build
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim-bookworm
ARG TORCH=2.13.0
ARG BACKEND=cpu
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir "torch==${TORCH}" --index-url "https://download.pytorch.org/whl/${BACKEND}" \
    && pip install --no-cache-dir /wheels/*.whl \
    && rm -r /wheels \
    && useradd --uid 1000 cgdenoise
# Any user may run it (--user), also one without a home.
ENV HOME=/tmp
USER 1000
WORKDIR /data
ENTRYPOINT ["cgdenoise"]
CMD ["--help"]
