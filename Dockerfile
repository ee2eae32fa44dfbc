# cap-core and the capability packages of this repository, serving every installed capability.
FROM python:3.13-slim AS build
WORKDIR /src
COPY . .
RUN pip install --no-cache-dir --prefix=/installed . ./capabilities/portkey ./capabilities/aimlapi

FROM python:3.13-slim
COPY --from=build /installed /usr/local
RUN useradd --system --create-home cap
USER cap
WORKDIR /home/cap
# As a sidecar it listens on loopback, which the containers of one pod share. To reach it from outside, serve with
# --host 0.0.0.0 and --caller-auth, and say with --allow-host what it is called.
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["cap", "health", "--ready", "--port", "8080"]
ENTRYPOINT ["cap"]
CMD ["serve", "--port", "8080"]
