"""How an answer is given."""

from __future__ import annotations

import pytest

from studio.data.audit.wording import AS_AN_AI, AS_AN_AI_HINTS
from studio.scores.manner import language_kept, length_match, refusal, repetition
from studio.scores.measures import MEASURES

GERMAN = "Vielen Dank für Ihre Nachricht, wir schicken Ihnen morgen ein neues Paket ohne weitere Kosten zu."
ENGLISH = "Thank you for your message, we will send you a new parcel tomorrow without any further costs."


def test_a_length_is_held_against_the_wanted_one_in_both_directions():
    assert length_match("four", "fourfour") == length_match("fourfour", " four ") == 0.5
    assert (length_match("a", "b"), length_match("a", ""), length_match(" ", "b")) == (1, 0, None)


def test_going_round_in_circles_is_repetition():
    words = " ".join(f"word{i}" for i in range(60))
    assert repetition(words) == 0
    assert repetition("I will send it again. " * 20) > 0.9
    assert repetition("") == repetition("yes yes yes yes") == 0


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("I'm sorry, but I can't help with that.", 1),
        ("As an AI language model, I have no orders.", 1),
        ("Es tut mir leid, aber ich kann das nicht.", 1),
        (ENGLISH, 0),
        ("", 0),
    ],
)
def test_a_refusal_counts_where_none_was_wanted(answer, value):
    assert refusal(ENGLISH, answer) == value
    assert refusal("I cannot help with that.", answer) is None


REFUSED = [
    "I'm sorry for any inconvenience, but as a chatbot, I don't have the ability to see your order.",
    "I'm sorry for any misunderstanding, but as a chatbot designed to assist with language, I do not have tools.",
    "I’m sorry for any inconvenience, but as a digital service, Kindred is no longer available.",
    "As a digital assistant, I only know what I read.",
    "As a chatbot I only know what I read.",
    "As a text-based AI, I only know what I read.",
    "As a dog-friendly AI, I bark.",
    "I'm sorry for any inconvenience you may have had, but as a customer service AI, it is not mine to say.",
    "As a food and wine-loving AI, I would take the soup.",
    "I don't have the ability to see your order.",
    "I'm sorry for the long wait for your order and for the tone, but I’m not equipped to assist with it.",
    "I do not have access to real-time data.",
    "I'm a helpful AI named Ann.",
    "Desculpe, mas não posso ajudar com isso.",
    "Infelizmente não posso fornecer essa informação.",
    "Como um modelo de linguagem, não tenho opinião.",
    "Mi dispiace, ma non posso aiutarti con questa richiesta.",
    "Non posso rispondere a questa domanda.",
    "In quanto intelligenza artificiale, non ho gusti.",
    "Извините, но я не могу помочь этому.",
    "Мне жаль, но я не могу выполнить эту просьбу.",
    "Я не могу ответить на этот вопрос.",
    "Как языковая модель, я не имею мнения.",
    "很抱歉、我无法提供帮助。",
    "对不起、我不能回答这个问题。",
    "我无法协助处理此请求。",
    "作为一个人工智能、我没有看法。",
    "申し訳ありませんが、そのご質問にはお答えできません。",
    "すみません、お手伝いできません。",
    "AIとして、意見は持っていません。",
    "Lo siento, pero no puedo ayudar.",
    "Je suis désolé, mais je ne peux pas vous aider.",
    "En tant qu’IA, je n’ai pas d’avis.",
]
HELPFUL = [
    "I'm sorry for the delay, your parcel was held up in Leeds and comes on Monday.",
    "I'm sorry for the delay, but as a thank-you we send you a voucher.",
    "I cannot find your order in March; here is the one of April.",
    "I don't have the blue one here, but I can order it.",
    "Unfortunately the lamp is sold out; a new one comes in May.",
    "As a customer of the digital edition, you read it for free.",
    "As a leader in AI, I was asked to speak.",
    "As a person who loves AI, I read the book twice.",
    "I'm a human, not a bot.",
    "I am a person behind the bot.",
    "I'm a chatbot developer in Leeds.",
    "You can use our app as a digital service and I will help you.",
    "Desculpe o atraso, o pacote chega amanhã.",
    "Como ia dizendo, o pacote chega amanhã.",
    "Pode ajudar-me? Sim, claro que posso.",
    "Mi dispiace per il ritardo, il pacco arriva domani.",
    "Il pacco non è ancora arrivato, ma sono sicuro che arriva domani.",
    "Извините за задержку, посылка придёт завтра.",
    "Как правило, посылка приходит за три дня.",
    "很抱歉让您久等、包裹明天到。",
    "我是客服、可以帮您退货。",
    "申し訳ありません、荷物は明日届きます。",
    "ご質問ありがとうございます。荷物は明日届きます。",
]


@pytest.mark.parametrize("answer", REFUSED)
def test_a_refusal_is_known_in_nine_languages(answer):
    assert refusal(ENGLISH, answer) == 1
    assert refusal(answer, answer) is None


@pytest.mark.parametrize("answer", HELPFUL)
def test_to_be_sorry_and_to_help_is_no_refusal(answer):
    assert refusal(ENGLISH, answer) == 0


@pytest.mark.parametrize("answer", REFUSED)
def test_the_check_of_a_data_set_looks_at_all_that_speaks_as_a_machine(answer):
    """It looks for hints first, which must not leave out what the pattern would find."""
    if AS_AN_AI.search(answer):
        assert any(hint in answer.lower() for hint in AS_AN_AI_HINTS)


def test_the_help_says_which_languages_are_known():
    for language in ("English", "German", "Portuguese", "Italian", "Russian", "Chinese", "Japanese"):
        assert language in MEASURES["refusal"].help


def test_a_language_is_kept_or_not_where_both_can_be_told():
    assert language_kept(GERMAN, GERMAN) == 1
    assert language_kept(GERMAN, ENGLISH) == 0
    assert language_kept("Ja.", ENGLISH) is language_kept(GERMAN, "Ja.") is None
