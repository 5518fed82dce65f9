"""How answers refuse, and speak of themselves as a machine, in languages other than English."""

from __future__ import annotations

LANGUAGES = ("English", "German", "French", "Spanish", "Portuguese", "Italian", "Russian", "Chinese", "Japanese")

# Each begins an answer. Between the regret and what can't be done stand a few words of the same sentence.
REFUSALS = (
    # German, French, Spanish
    r"es tut mir leid, aber (?:ich|das)|(?:leider )?kann ich (?:ihnen |dir )?(?:dabei |damit |das )*nicht",
    r"je suis désolée?, (?:mais )?je ne peux|lo siento, (?:pero )?no puedo",
    # Portuguese
    r"(?:desculp[ea]|(?:eu )?lamento|sinto muito|peço desculpas?)\b[^.\n]{0,40}?\bnão (?:posso|consigo|podemos)\b",
    r"(?:infelizmente,? )?(?:eu )?não (?:posso|consigo) (?:ajud|assist|fornec|respond|atend|cri|ger|discut|fazer isso)",
    # Italian
    r"(?:mi dispiace|(?:sono )?spiacente|mi scuso|scus[ai](?:mi|te)?)\b[^.\n]{0,40}?"
    r"\bnon (?:posso|possiamo|riesco|sono in grado)\b",
    r"(?:purtroppo,? )?non (?:posso|sono in grado di) (?:aiut|assist|forni|rispond|crea|genera|discut|farlo)",
    # Russian
    r"(?:извините|простите|прошу прощения|мне (?:очень )?жаль|к сожалению, я)\b[^.\n]{0,40}?"
    r"\bне (?:могу|можем|смогу|в состоянии)\b",  # noqa: RUF001 (Russian)
    r"я не (?:могу|буду) (?:вам )?(?:помо|отве[тч]|предостав|выполн|созда|обсужд|напис|дать|с этим|этого)",  # noqa: RUF001 (Russian)
    # Chinese
    r"(?:我)?(?:很|非常|十分|真的)?(?:抱歉|对不起|對不起|不好意思|遗憾|遺憾)[^。\n]{0,20}?(?:无法|無法|不能|不可以|没办法|沒辦法)",
    r"我(?:无法|無法|不能|没有办法|沒有辦法)(?:为您|为你|為您|為你)?"
    r"(?:提供|回答|协助|協助|帮|幫|满足|滿足|完成|生成|讨论|討論|处理|處理|这|這)",
    # Japanese
    r"(?:大変|誠に)?(?:申し訳|すみません|恐れ入りますが|残念ながら|ごめんなさい)[^。\n]{0,40}?"
    r"(?:でき(?:ません|かねます)|出来ません|いたしかねます|わかりかねます)",
    r"(?:その|この)?ご?(?:質問|要求|要望|リクエスト|依頼)に(?:は)?お?(?:答え|応え|対応)(?:することは)?でき(?:ません|かねます)",
)
AS_AN_AI = (
    r"\b(?:als|ich bin) (?:ein(?:e)? )?(?:ki|künstliche intelligenz|(?:großes )?sprachmodell)\b",
    r"\ben tant qu(?:e |['’])(?:ia|intelligence artificielle|modèle de langage)\b",
    r"\b(?:como|soy|sou) (?:s[oó]lo |apenas )?(?:una? |uma? )(?:ia|modelo de (?:lenguaje|linguagem)"
    r"|intelig[eê]ncia artificial)\b",
    r"\b(?:come|in quanto|sono)(?: solo)? (?:un['’] ?|una? )?(?:ia|intelligenza artificiale|modello linguistico)\b",
    r"\b(?:как|я)(?:,? всего лишь|,? просто)?(?: [—–-])? (?:ии|искусственный интеллект|языковая модель)\b",
    r"(?:作为|作為|我是|我只是)(?:一个|一個|一名|一款|个)?\s?(?:AI|人工智能|人工智慧|(?:大型?)?(?:语言|語言)模型)",
    r"(?:AI|人工知能|(?:大規模)?言語モデル)(?:アシスタント|モデル)?(?:として|である私|なので|ですので)",
)
# In lower case; the patterns of AS_AN_AI match nothing that holds none of them.
AS_AN_AI_HINTS = (
    "sprachmodell", " ki", "künstliche", "en tant qu", "modelo de", "artificial", " ia", "'ia", "’ia", "modello", " ии",
    "интеллект", "модель", "作为", "作為", "我是", "我只是", "aiと", "aiで", "aiな", "aiア", "aiモ",
    "人工知能", "言語モデル",
)  # fmt: skip
