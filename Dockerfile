# One recipe, two images: `runtime` (emulator, RIC, xApps; no torch) and `learn` (runtime and torch).
# Works with and without BuildKit; the stages stand in the order in which the older builder runs them.
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS dependencies
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /opt/hiso
WORKDIR /src
COPY pyproject.toml constraints.txt ./
# Dependencies are a layer of their own, which lasts until these files change.
RUN python3 -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
        > /tmp/requirements.txt \
    && /opt/hiso/bin/pip install --constraint constraints.txt --requirement /tmp/requirements.txt

FROM dependencies AS build
COPY README.md ./
COPY proto proto
COPY near_rt_ric near_rt_ric
COPY ran_emulator ran_emulator
COPY service_kit service_kit
COPY xapps xapps
COPY hiso hiso
# numba's cache is valid for the exact time stamp of a source file, and layers keep whole seconds only.
RUN /opt/hiso/bin/pip install --no-deps --no-compile . \
    && cd /opt/hiso/lib/python3*/site-packages \
    && find hiso hiso_proto near_rt_ric ran_emulator service_kit xapps -name '*.py' -exec touch --date=@1767225600 {} + \
    && /opt/hiso/bin/python -m compileall -q hiso hiso_proto near_rt_ric ran_emulator service_kit xapps

FROM ${PYTHON_IMAGE} AS runtime
# `keep-nice` is setpriv with the file capability cap_sys_nice=p (vfs_cap_data, revision 2): see docker-entrypoint.sh.
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/hiso hiso \
    && install --directory --owner=hiso --group=hiso /run/hiso /run/hiso-learner /var/lib/hiso \
    && cp /usr/bin/setpriv /usr/local/bin/keep-nice \
    && python3 -c "import os, struct; os.setxattr('/usr/local/bin/keep-nice', 'security.capability', struct.pack('<5I', 2 << 24, 1 << 23, 0, 0, 0))"
COPY --from=build /opt/hiso /opt/hiso
COPY docker-entrypoint.sh /usr/local/bin/
# One processor target for every host that may run the image; the cache is read only under the same target.
ENV PATH=/opt/hiso/bin:$PATH PYTHONUNBUFFERED=1 NUMBA_CPU_NAME=generic HISO_CACHE_DIR=/run/hiso/kernels
RUN HISO_CACHE_DIR=/opt/hiso/kernels python -m hiso.warm_up
USER hiso
WORKDIR /var/lib/hiso
ENTRYPOINT ["sh", "/usr/local/bin/docker-entrypoint.sh"]

FROM dependencies AS torch
ARG TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu
# A wheel of torch in wheels/ is taken before the index. (The wildcard may match nothing, pyproject.toml may not.)
COPY pyproject.toml wheels/*.whl* /wheels/
RUN if ls /wheels/torch-*.whl; \
    then /opt/hiso/bin/pip install --target /opt/torch /wheels/torch-*.whl; \
    else /opt/hiso/bin/pip install --target /opt/torch --index-url "$TORCH_INDEX_URL" --constraint constraints.txt torch; \
    fi

FROM runtime AS learn
COPY --from=torch /opt/torch /opt/torch
ENV PYTHONPATH=/opt/torch
