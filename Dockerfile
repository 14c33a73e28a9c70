# The image holds Python, the locked packages and auditor; it runs as a user without a name, on a file system that it need
# not write to: only /tmp, where a snapshot lies while it is judged.
#   docker build --build-arg AUDITOR_BUILD_VERSION=1.2.3 -t auditor . && docker run --rm --read-only --tmpfs /tmp auditor demo
FROM python:3.13-slim-bookworm AS build
WORKDIR /source
RUN python -m venv /opt/auditor
COPY requirements/image.txt requirements/image.txt
RUN /opt/auditor/bin/python -m pip install --no-cache-dir --require-hashes --requirement requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY scripts/version.py scripts/version.py
COPY auditor auditor
COPY rules rules
COPY baselines baselines
COPY samples samples
ARG AUDITOR_BUILD_VERSION=
RUN /opt/auditor/bin/python -m pip install --no-cache-dir --no-deps .

FROM python:3.13-slim-bookworm
COPY --from=build /opt/auditor /opt/auditor
ENV PATH=/opt/auditor/bin:$PATH PYTHONDONTWRITEBYTECODE=1 HOME=/tmp AUDITOR_NO_PROGRESS=true
WORKDIR /tmp
USER 65532:65532
ENTRYPOINT ["auditor"]
CMD ["--help"]
