"""Login, fresh tokens, a new password."""

from typing import Any, cast

from django.contrib.auth import authenticate
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import RefreshToken

from users import limits, services
from users.backends import client_address
from users.models import User


class LoginInput(serializers.Serializer[Any]):
    email = serializers.EmailField()
    password = serializers.CharField(trim_whitespace=False, max_length=1024)


class TokensOutput(serializers.Serializer[Any]):
    """`token` is `access` under the name that older clients read."""

    access = serializers.CharField()
    refresh = serializers.CharField()
    token = serializers.CharField()
    email = serializers.EmailField()


class CredentialsInput(serializers.Serializer[Any]):
    current_password = serializers.CharField(trim_whitespace=False, max_length=1024)
    new_password = serializers.CharField(trim_whitespace=False, max_length=1024)


def tokens_of(user: User) -> dict[str, str]:
    """A pair for `user`; it holds the account's number and a digest of the stored hash, nothing else."""
    refresh = RefreshToken.for_user(user)
    access = str(refresh.access_token)
    return {"access": access, "refresh": str(refresh), "token": access, "email": user.email}


class Login(APIView):
    """An e-mail address and a password for a pair of tokens; 401 where they do not match, 429 after too many."""

    permission_classes = (AllowAny,)
    authentication_classes = ()

    @extend_schema(request=LoginInput, responses=TokensOutput)
    def post(self, request: Request) -> Response:
        data = LoginInput(data=request.data)
        data.is_valid(raise_exception=True)
        email, password = data.validated_data["email"], data.validated_data["password"]
        if limits.is_locked(email=email, address=client_address(request)):
            raise Throttled(wait=60)
        user = authenticate(request, username=email, password=password)
        if not isinstance(user, User):
            raise AuthenticationFailed("E-mail address and password do not match an active account.")
        return Response(tokens_of(user))

    def get_authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class UpdateCredentials(APIView):
    """A new password; answers with new tokens, because the old ones end with the old password."""

    @extend_schema(request=CredentialsInput, responses=TokensOutput)
    def post(self, request: Request) -> Response:
        data = CredentialsInput(data=request.data)
        data.is_valid(raise_exception=True)
        user = cast("User", request.user)
        services.change_password(user=user, **data.validated_data)
        return Response(tokens_of(user))
