// What those are told whom nobody waits for: fetched by the first answer that says so, shown from the second on.
(function () {
  const line = document.createElement('p');
  line.id = 'late';
  line.setAttribute('role', 'status');
  document.getElementById('controls').append(line);
  calibration.late = (ms) => {
    // A clock's reading says nothing of it.
    if (ms === undefined) return;
    const text = ms > 20 ? LATE_WORDS[language].late.replace('{ms}', milliseconds(ms)) : '';
    // Said once, and not with every answer: it is read aloud.
    if (Boolean(line.textContent) !== Boolean(text)) line.textContent = text;
  };
})();

var LATE_WORDS = {
  "en": { "late": "You hear everything {ms} after the others: they are not kept waiting for so long." },
  "de": { "late": "Du hörst alles {ms} nach den anderen: So lange lässt die Sendung sie nicht warten." },
  "fr": { "late": "Vous entendez tout {ms} après les autres : la diffusion ne les fait pas attendre si longtemps." },
  "es": { "late": "Oyes todo {ms} después que los demás: la emisión no les hace esperar tanto." },
  "pt": { "late": "Você ouve tudo {ms} depois dos outros: a transmissão não os faz esperar tanto." },
  "it": { "late": "Senti tutto {ms} dopo gli altri: la trasmissione non li fa aspettare così a lungo." },
  "nl": { "late": "Je hoort alles {ms} na de anderen: zo lang laat de uitzending hen niet wachten." },
  "pl": { "late": "Słyszysz wszystko {ms} po innych: transmisja nie każe im czekać tak długo." },
  "tr": { "late": "Her şeyi diğerlerinden {ms} sonra duyuyorsunuz: yayın onları bu kadar bekletmez." },
  "ru": { "late": "Вы слышите всё на {ms} позже других: передача не заставляет их ждать так долго." },
  "ar": { "late": "تسمع كل شيء بعد الآخرين بـ {ms}: البث لا يجعلهم ينتظرون كل هذا الوقت." },
  "he": { "late": "הכול נשמע {ms} אחרי האחרים: השידור לא מחכה כל כך הרבה." },
  "zh": { "late": "您比其他人晚 {ms} 听到：播送不会让他们等这么久。" },
  "ja": { "late": "ほかの人より {ms} 遅く聞こえています。配信はそこまで待ちません。" }
};
