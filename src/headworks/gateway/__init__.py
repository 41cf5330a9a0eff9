"""The controller: answers the engine's questions. What may this key do, where does the request go, under what policy?"""
