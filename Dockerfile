# One image for every service; the command says which one it is.
FROM python:3.11-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY requirements.txt requirements-assets.txt ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir -r requirements.txt \
    && /venv/bin/pip install --no-cache-dir --no-deps -r requirements-assets.txt

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --create-home --uid 10001 fortified
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
# Numba keeps what it compiled; the archive and SQLite, where they are used, live in var.
RUN mkdir -p var && chown fortified:fortified var \
    && python manage.py collectstatic --no-input --verbosity 0 && rm -f var/secret_key && chown -R fortified:fortified var
USER fortified
VOLUME /app/var
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["python", "-m", "daphne", "--bind", "0.0.0.0", "--port", "8000", "fortified.asgi:application"]
